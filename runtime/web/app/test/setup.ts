/** happy-dom has no popovers: they are always open. */
HTMLElement.prototype.showPopover ??= () => undefined;
