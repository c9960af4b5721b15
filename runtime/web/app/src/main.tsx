import { render } from 'preact';
import { App } from './App';
import { keepConnected } from './chat/connect';
import { start } from './session/session';
import './settings/theme';
import './styles';

keepConnected();
render(<App />, document.getElementById('app') as HTMLElement);
void start();

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  navigator.serviceWorker.register(`${import.meta.env.BASE_URL}sw.js`).catch(() => undefined); // it only helps
}
