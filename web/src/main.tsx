// Starts the app.
import './styles/roles.css';
import './styles/controls.css';
import './styles/page.css';
import './styles/asking.css';
import './styles/timeline.css';
import './styles/panels.css';
import './styles/help.css';
import { render } from 'preact';
import { App } from './views/App';

render(<App />, document.getElementById('app') as HTMLElement);
