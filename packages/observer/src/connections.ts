/** Connections to the socket: who is at the other end, and not too many of one scope. */
import type { Socket } from 'node:net';
import type { Log } from '@kolejka/program';
import { placeOf } from './caller.ts';
import type { Cgroups } from './cgroup/index.ts';
import type { ObserverMessages } from './messages.ts';
import { peerOf } from './peer.ts';
import { PeerStream } from './peer-stream.ts';
import { Seldom } from './seldom.ts';

/** Of one scope. An idle one is kept: the original's programs hold theirs while a program runs. */
const MOST_CONNECTIONS = 256;

export class Connections {
  readonly #cgroups: Cgroups;
  readonly #streams = new Set<PeerStream>();
  readonly #refused: Seldom;
  readonly #unknown: Seldom;

  constructor(cgroups: Cgroups, log: Log<ObserverMessages>) {
    this.#cgroups = cgroups;
    this.#unknown = new Seldom((refused) => log.say('peer unknown', { refused }));
    this.#refused = new Seldom((refused, fields) => log.say('too many connections', { ...fields, refused }));
  }

  /** The connection with its peer; undefined when it was dropped. */
  accept(socket: Socket): PeerStream | undefined {
    const peer = peerOf(socket);
    if (peer === undefined) {
      this.#unknown.say({});
      socket.destroy();
      return undefined;
    }
    const { scope } = placeOf(this.#cgroups.pathOf(peer.pid) ?? '/', peer.uid);
    if ([...this.#streams].filter((other) => other.scope === scope).length >= MOST_CONNECTIONS) {
      this.#refused.say({ scope });
      socket.destroy();
      return undefined;
    }
    const stream = new PeerStream(socket, peer, scope);
    this.#streams.add(stream);
    stream.on('close', () => this.#streams.delete(stream));
    return stream;
  }

  closeAll(): void {
    for (const stream of this.#streams) stream.destroy();
  }
}
