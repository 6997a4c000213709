/** A wire to a database that a test can cut: nothing comes through any more, and nobody is told. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';

export interface Wire {
  /** The database, over the wire. */
  address: string;
  /** From now on what is sent is lost, and who connects is not answered. */
  cut(): void;
  /** Who connects from now on is answered. Both ends of what was cut hear that it is over. */
  mend(): void;
}

export async function openWire(t: ExecutionContext, address: string): Promise<Wire> {
  const database = new URL(address);
  const wire = new URL(address);
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    sockets.add(near);
    near.on('error', () => undefined);
    if (isCut) return;
    const far = connect(Number(database.port), database.hostname);
    sockets.add(far);
    far.on('error', () => near.destroy());
    far.pipe(near).pipe(far);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  wire.port = String((server.address() as AddressInfo).port);
  return {
    address: wire.href,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    mend() {
      isCut = false;
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
  };
}
