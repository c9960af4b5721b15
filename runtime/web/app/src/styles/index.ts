import './tokens.css';
import './base.css';
import './controls.css';
import './overlays.css';
import './frame.css';
import './inbox.css';
import './conversation.css';
import './details.css';
