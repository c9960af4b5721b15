import type { RestClient } from './rest.js';
import type { Patch } from './talk.js';
import type { Keyed, Rest } from './types.js';
import type { CreatedConversation, Preferences } from './wire.js';

/** REST, from whose answers the client learns what its conversations are. */
export function learning(rest: RestClient, learn: (patches: readonly Patch[]) => void): Rest {
  const created = async (answer: Promise<CreatedConversation>, peer?: string) => {
    const made = await answer;
    const { id, kind, title } = made;
    const details = { kind, ...(title === undefined ? {} : { title }), ...(peer === undefined ? {} : { peer }) };
    learn([{ id, details }]);
    return made;
  };
  const overrides: Partial<Rest> = {
    createDirect: (user: string, options?: Keyed) => created(rest.createDirect(user, options), user),
    createGroup: (title: string, members: readonly string[], options?: Keyed) =>
      created(rest.createGroup(title, members, options)),
    conversation: async (id: string) => {
      const details = await rest.conversation(id);
      learn([{ id, details, preferences: details.preferences }]);
      return details;
    },
    setPreferences: async (id: string, wanted: Preferences) => {
      const preferences = await rest.setPreferences(id, wanted);
      learn([{ id, preferences }]);
      return preferences;
    },
  };
  return Object.assign(Object.create(rest) as RestClient, overrides);
}
