/**
 * A simulated process. It is told of everything through `deliver`: one that is frozen hears later, a dead one never, so
 * what it was about to do just stops.
 */
import type { Clock } from '@kolejka/program';
import type { Time } from './time.ts';

/** Moment of the calendar at which histories begin. */
const EPOCH = Date.UTC(2027, 0, 1);

export class Process {
  readonly clock: Clock;
  readonly #time: Time;
  #alive = true;
  #frozen = false;
  #waiting: (() => void)[] = [];
  #atEnd: (() => void)[] = [];
  /** How far its calendar is off, in milliseconds. */
  calendar = 0;

  /** @param speed of its clock: 1.01 gains a second in 100 */
  constructor(time: Time, speed = 1) {
    this.#time = time;
    this.clock = {
      now: () => Math.round(EPOCH + time.now * speed + this.calendar),
      monotonic: () => time.now * speed,
      sleep: (milliseconds, signal) => this.#sleep(milliseconds / speed, signal),
    };
  }

  get isAlive(): boolean {
    return this.#alive;
  }

  deliver(act: () => void): void {
    if (!this.#alive) return;
    if (this.#frozen) this.#waiting.push(act);
    else act();
  }

  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    for (const act of this.#waiting.splice(0)) this.deliver(act);
  }

  kill(): void {
    this.#alive = false;
    for (const tell of this.#atEnd.splice(0)) tell();
  }

  /** What others notice when it dies, such as closed connections; answers how to forget it. */
  atEnd(tell: () => void): () => void {
    this.#atEnd.push(tell);
    return () => void (this.#atEnd = this.#atEnd.filter((one) => one !== tell));
  }

  #sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        cancel();
        reject(signal?.reason as Error);
      };
      const cancel = this.#time.after(milliseconds, () =>
        this.deliver(() => {
          signal?.removeEventListener('abort', giveUp);
          resolve();
        }),
      );
      if (signal?.aborted === true) giveUp();
      else signal?.addEventListener('abort', giveUp, { once: true });
    });
  }
}
