const day = 86_400_000;
const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' });
const short = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const long = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const soon = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
});
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

const midnight = (at: number): number => new Date(at).setHours(0, 0, 0, 0);

/** How many midnights lie between then and now. */
function daysAgo(at: number, now: number): number {
  return Math.round((midnight(now) - midnight(at)) / day);
}

export const timeOf = (at: number): string => clock.format(at);
export const fullTimeOf = (at: number): string => full.format(at);
/** A time within days, as short as can be. */
export const soonOf = (at: number): string => soon.format(at);
export const dateOf = (at: number): string => short.format(at);
export const sameDay = (a: number, b: number): boolean => midnight(a) === midnight(b);

/** The heading over a day's messages. */
export function dayOf(at: number, now = Date.now()): string {
  const ago = daysAgo(at, now);
  if (ago === 0) return 'Today';
  if (ago === 1) return 'Yesterday';
  return ago > 1 && ago < 7 ? weekday.format(at) : long.format(at);
}

/** As short as an inbox wants it. */
export function briefly(at: number, now = Date.now()): string {
  const ago = daysAgo(at, now);
  if (ago <= 0) return timeOf(at);
  if (ago === 1) return 'Yesterday';
  return ago < 7 ? weekday.format(at) : short.format(at);
}

/** When somebody was last there. */
export function lastSeen(at: number, now = Date.now()): string {
  const ago = daysAgo(at, now);
  if (now - at < 60_000) return 'last seen just now';
  return `last seen ${ago === 0 ? `at ${timeOf(at)}` : ago === 1 ? `yesterday at ${timeOf(at)}` : `on ${short.format(at)}`}`;
}
