/** The users that somebody has written down, once each: ids between commas or spaces. */
export function idsOf(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/u).filter(Boolean))];
}
