/** Whether there is a mouse or the like: then there is a keyboard, too, and nothing pops up when a field has the focus. */
export const finePointer = (): boolean => matchMedia('(pointer: fine)').matches;
