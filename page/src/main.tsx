import './node/globals.ts';
import '@fontsource-variable/inter';
import '@fontsource-variable/jetbrains-mono';
import { render } from 'preact';
import { App } from './app.tsx';

render(<App />, document.body);
