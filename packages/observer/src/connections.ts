/** Connections to the socket: who is at the other end, and not too many of one scope. */
import type { Socket } from 'node:net';
import type { Log } from '@kolejka/program';
import { placeOf } from './caller.ts';
import type { Cgroups } from './cgroup/index.ts';
import type { ObserverMessages } from './messages.ts';
import { peerOf } from './peer.ts';
import { PeerStream } from './peer-stream.ts';

/** Of one scope. An idle one is kept: the original's programs hold theirs while a program runs. */
const MOST_CONNECTIONS = 256;

/** Pause between two lines about refused connections. */
const SILENCE_MS = 60_000;

export class Connections {
  readonly #cgroups: Cgroups;
  readonly #log: Log<ObserverMessages>;
  readonly #streams = new Map<PeerStream, string>();
  #refused = 0;
  #silentUntil = 0;

  constructor(cgroups: Cgroups, log: Log<ObserverMessages>) {
    this.#cgroups = cgroups;
    this.#log = log;
  }

  /** The connection with its peer; undefined when it was dropped. */
  accept(socket: Socket): PeerStream | undefined {
    const peer = peerOf(socket);
    if (peer === undefined) {
      this.#log.say('peer unknown');
      socket.destroy();
      return undefined;
    }
    const { scope } = placeOf(this.#cgroups.pathOf(peer.pid) ?? '/', peer.uid);
    if ([...this.#streams.values()].filter((other) => other === scope).length >= MOST_CONNECTIONS) {
      this.#sayRefused(scope);
      socket.destroy();
      return undefined;
    }
    const stream = new PeerStream(socket, peer);
    this.#streams.set(stream, scope);
    stream.on('close', () => this.#streams.delete(stream));
    return stream;
  }

  /** Once a minute at most: whoever floods the socket must not flood the log too. */
  #sayRefused(scope: string): void {
    this.#refused += 1;
    if (performance.now() < this.#silentUntil) return;
    this.#log.say('too many connections', { scope, refused: this.#refused });
    this.#refused = 0;
    this.#silentUntil = performance.now() + SILENCE_MS;
  }

  closeAll(): void {
    for (const stream of this.#streams.keys()) stream.destroy();
  }
}
