import { effect, signal } from '@preact/signals';

export const themes = ['System', 'Light', 'Dark'] as const;
export type Theme = (typeof themes)[number];

const key = 'chatcluster.theme';
const kept = localStorage.getItem(key);

export const theme = signal<Theme>(themes.find((t) => t === kept) ?? 'System');

effect(() => {
  if (theme.value === 'System') {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(key);
  } else {
    document.documentElement.dataset.theme = theme.value.toLowerCase();
    localStorage.setItem(key, theme.value);
  }
});

/** The other tabs agree. */
addEventListener('storage', (event) => {
  if (event.key === key) theme.value = themes.find((t) => t === event.newValue) ?? 'System';
});
