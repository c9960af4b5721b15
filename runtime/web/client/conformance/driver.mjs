// Speaks for the SDK to runtime/protocol/conformance/clients: a command a line on stdin, an answer a line on stdout.
import { createInterface } from 'node:readline';
import { createClient, MemoryStorage } from '@chatcluster/client';
import { WebSocket } from 'ws';

let storage = new MemoryStorage();
let tokens = 0;
let run;

function makeRun() {
  const target = storage;
  const state = { answers: {}, arrived: {}, alive: true, sockets: new Set(), open: new Map() };
  // What a crash leaves of the storage is what was written before.
  state.storage = new Proxy(target, {
    get(_, name) {
      const value = target[name];
      if (typeof value !== 'function') return value;
      return (...args) => (state.alive ? value.apply(target, args) : new Promise(() => {}));
    },
  });
  state.WebSocket = class extends WebSocket {
    constructor(...args) {
      if (!state.alive) throw new Error('crashed');
      super(...args);
      state.sockets.add(this);
      this.on('error', () => {});
    }
  };
  return state;
}

const commands = {
  async start({ url, device, idle_ms }) {
    run = makeRun();
    run.client = createClient({
      url,
      device,
      account: 'alice',
      token: async () => `good-${++tokens}`,
      storage: run.storage,
      maxBackoffMs: 1000,
      ...(idle_ms ? { idleMs: idle_ms } : {}),
      environment: { WebSocket: run.WebSocket },
    });
    run.client.onArrival(({ conversation, message }) => {
      run.arrived[conversation] ??= [];
      run.arrived[conversation].push(message.seq);
    });
    await run.client.start();
  },
  open({ conversation }) {
    run.open.set(conversation, run.client.open(conversation));
  },
  older: ({ conversation }) => opened(conversation).loadOlder(),
  send: ({ conversation, body, tag }) => answer(tag, opened(conversation).send(body)),
  edit: ({ conversation, target, body, tag }) => answer(tag, opened(conversation).edit(target, body)),
  delete: ({ conversation, target, tag }) => answer(tag, opened(conversation).delete(target)),
  react: ({ conversation, target, emoji, removed = false, tag }) =>
    answer(tag, opened(conversation).react(target, emoji, removed)),
  read: ({ conversation, seq }) => opened(conversation).markRead(seq),
  typing: ({ conversation, active = false }) => opened(conversation).setTyping(active),
  watch({ users }) {
    run.client.watch(users);
  },
  crash() {
    run.alive = false;
    for (const socket of run.sockets) socket.terminate();
  },
  async reset() {
    await run?.client.stop();
    storage = new MemoryStorage();
    run = undefined;
  },
  state: () => ({ state: show() }),
};

function opened(conversation) {
  if (!run.open.has(conversation)) commands.open({ conversation });
  return run.open.get(conversation);
}

function answer(tag, outgoing) {
  const { answers } = run;
  outgoing.done.then(
    ({ seq }) => {
      answers[tag] = { seq, code: '', retry_after_ms: 0 };
    },
    (error) => {
      answers[tag] = { seq: 0, code: String(error.code), retry_after_ms: error.retryAfterMs ?? 0 };
    },
  );
}

function show() {
  const connection = run.client.connection.getSnapshot();
  const shown = {};
  const typing = {};
  for (const [id, conversation] of run.open) {
    const snapshot = conversation.getSnapshot();
    typing[id] = snapshot.typing;
    shown[id] = snapshot.items
      .filter((item) => item.kind === 'message')
      .map(({ seq, body, deleted, reactions }) => ({
        ...{ seq, body, deleted },
        reactions: reactions.flatMap(({ emoji, users }) => users.map((user) => `${emoji} ${user}`)),
      }));
  }
  const presence = Object.fromEntries([...run.client.presence.getSnapshot()].map(([user, p]) => [user, p.online]));
  const online = connection.phase === 'online';
  const ended = connection.phase === 'ended' ? connection.error.code : 0;
  return { online, ended, answers: run.answers, arrived: run.arrived, shown, typing, presence };
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let out;
  try {
    out = (await commands[command.op](command)) ?? {};
  } catch (error) {
    out = { error: String(error.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(out)}\n`);
}
process.exit(0);
