/** A connection as node:http gets it: who is at the other end is known, and request lines are mended. */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Peer } from './peer.ts';
import { RequestLines } from './request-lines.ts';

/**
 * How long the first request, and then each one from its first byte, may take to arrive. node:http looks for slow
 * requests only on sockets that it listens on itself. Between requests there is no limit: the original's programs hold
 * their connection while the program they started runs.
 */
const REQUEST_PATIENCE_MS = 10_000;

export class PeerStream extends Duplex {
  readonly peer: Peer;
  /** Of the peer, when it connected. */
  readonly scope: string;
  readonly #socket: Socket;
  #slow: NodeJS.Timeout | undefined;

  constructor(socket: Socket, peer: Peer, scope: string) {
    super({ allowHalfOpen: true });
    this.peer = peer;
    this.scope = scope;
    this.#socket = socket;
    const lines = new RequestLines();
    this.#watchSlowness(true);
    socket.on('data', (chunk: Buffer) => {
      const mended = lines.mend(chunk);
      this.#watchSlowness(lines.isWithinRequest);
      if (mended.length > 0 && !this.push(mended)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    // A connection that breaks is simply over: nobody is left to hear why.
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.destroy());
  }

  #watchSlowness(isWithinRequest: boolean): void {
    if (!isWithinRequest) {
      clearTimeout(this.#slow);
      this.#slow = undefined;
    } else {
      this.#slow ??= setTimeout(() => this.destroy(), REQUEST_PATIENCE_MS);
    }
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
    // Who has the last answer and does not close its end is not waited for.
    this.#watchSlowness(true);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#slow);
    this.#socket.destroy();
    done(error);
  }
}
