/** Stands between a program and the server, and breaks what goes through it in the ways a network does. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * How connections are cut: `refused`: they break off and none is made; `stalled`: nothing comes through, what is on its
 * way arrives afterwards; `deaf`: requests come through and answers get lost, as when a network fails in the middle.
 */
export const CUTS = ['refused', 'stalled', 'deaf'] as const;
export type Cut = (typeof CUTS)[number];

export interface Proxy {
  /** Where it listens. */
  address: string;
  cut(how: Cut): void;
  heal(): void;
  /** Breaks off what goes through it and listens no more. */
  close(): void;
}

interface Pair {
  near: Socket;
  far: Socket;
}

/** @param target port of the server at this moment; a server that starts anew has another */
export async function openProxy(target: () => number): Promise<Proxy> {
  const pairs = new Set<Pair>();
  let cut: Cut | undefined;
  const end = ({ near, far }: Pair) => {
    near.destroy();
    far.destroy();
  };
  const endAll = () => {
    for (const pair of pairs) end(pair);
  };

  const server = createServer((near) => {
    if (cut === 'refused') {
      near.resetAndDestroy();
      return;
    }
    const pair = { near, far: connect(target(), '127.0.0.1') };
    const { far } = pair;
    pairs.add(pair);
    for (const socket of [near, far]) {
      // Whatever happens to one end is passed on to the other by its close.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(pair);
        end(pair);
      });
    }
    near.on('data', (bytes) => void far.write(bytes));
    far.on('data', (bytes) => {
      if (cut !== 'deaf') near.write(bytes);
    });
    if (cut === 'stalled') pause(pair);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut(how) {
      cut = how;
      if (how === 'refused') endAll();
      if (how === 'stalled') for (const pair of pairs) pause(pair);
    },
    heal() {
      // Whose answer got lost would wait for it for ever.
      if (cut === 'deaf') endAll();
      cut = undefined;
      for (const { near, far } of pairs) {
        near.resume();
        far.resume();
      }
    },
    close() {
      server.close();
      endAll();
    },
  };
}

function pause({ near, far }: Pair): void {
  near.pause();
  far.pause();
}
