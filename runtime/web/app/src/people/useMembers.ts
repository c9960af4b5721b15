import { type Item, isTemporary, type MemberDetails, type Summary } from '@chatcluster/client';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { explain } from '../chat/explain';
import { useClient, useReadable } from '../chat/useReadable';

export interface Members {
  list: readonly MemberDetails[] | undefined;
  trouble: string;
  reload(): Promise<void>;
}

const page = 1000;

/** The members of a group. They are read again when the log says that they are others, and after a reconnect. */
export function useMembers(summary: Summary, items: readonly Item[]): Members {
  const client = useClient();
  const online = useReadable(client.connection).phase === 'online';
  const [list, setList] = useState<readonly MemberDetails[]>();
  const [trouble, setTrouble] = useState('');
  const wanted = summary.kind === 'group' && !summary.left;
  const changed = useMemo(() => items.findLast((i) => i.kind !== 'message' && i.kind !== 'renamed')?.seq ?? 0, [items]);

  const reload = async (): Promise<void> => {
    try {
      const all: MemberDetails[] = [];
      let cursor: string | undefined;
      do {
        const some = await client.rest.members(summary.id, { limit: page, ...(cursor ? { cursor } : {}) });
        all.push(...some.members);
        cursor = some.next;
      } while (cursor);
      setList(all);
      setTrouble('');
    } catch (error) {
      if (!isTemporary(error)) setList(undefined);
      setTrouble(explain(error));
    }
  };
  useEffect(() => {
    if (wanted && online) void reload();
  }, [client, summary.id, wanted, online, changed]);
  return { list: wanted ? list : undefined, trouble, reload };
}
