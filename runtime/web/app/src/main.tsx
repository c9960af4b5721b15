import { render } from 'preact';
import { App } from './App';
import { keepConnected } from './chat/connect';
import { start } from './session/session';
import './settings/theme';
import './styles';

keepConnected();
render(<App />, document.getElementById('app') as HTMLElement);
void start();
