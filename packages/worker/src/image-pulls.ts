/** The pulls of one worker: however many runs want an image, it is pulled once, and each pull goes on beside the others. */
import { GridError } from '@kolejka/protocol';
import type { Engine } from './engine.ts';
import { type PullListener, pullImage, type PullOptions } from './image-pull.ts';

interface UnderWay {
  done: Promise<void>;
  /** Aborted when nobody waits for it any more. */
  abandon: AbortController;
  listeners: Set<PullListener>;
  waiting: number;
}

/** What one of those who wait for a pull wants. */
export interface WantedPull extends PullOptions {
  /** It gives up a pull that turns out to be of more than so many bytes. */
  limitBytes: number | undefined;
}

/** Layers that cannot be compressed may come as a little more than what they hold. */
const SURPLUS = 1.01;

export class ImagePulls {
  readonly #engine: Engine;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Pulls the image, or waits with others for the pull that is under way. Who gives up leaves it to the others; when
   * nobody is left, it is broken off.
   * @throws GridError `image-unavailable`, `engine-unreachable`; the signal's reason
   */
  async pull(image: string, { signal, pulling, limitBytes = Infinity }: WantedPull): Promise<void> {
    signal.throwIfAborted();
    const pull = this.#underWay.get(image) ?? this.#begin(image);
    pull.waiting += 1;
    const gone = Promise.withResolvers<never>();
    const hear: PullListener = (progress) => {
      if (progress.totalBytes > limitBytes * SURPLUS) gone.reject(tooLarge(image, limitBytes));
      else pulling?.(progress);
    };
    pull.listeners.add(hear);
    const leave = () => gone.reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    try {
      await Promise.race([pull.done, gone.promise]);
    } finally {
      signal.removeEventListener('abort', leave);
      pull.listeners.delete(hear);
      pull.waiting -= 1;
      if (pull.waiting === 0) this.#abandon(image, pull);
    }
  }

  #begin(image: string): UnderWay {
    const abandon = new AbortController();
    const listeners = new Set<PullListener>();
    const pulling: PullListener = (progress) => {
      for (const listener of listeners) listener(progress);
    };
    const done = pullImage(this.#engine, image, { signal: abandon.signal, pulling });
    const pull: UnderWay = { done, abandon, listeners, waiting: 0 };
    this.#underWay.set(image, pull);
    const forget = () => this.#forget(image, pull);
    // Of an error each that waits hears itself.
    done.then(forget, forget);
    return pull;
  }

  /** Whoever comes now begins anew. */
  #abandon(image: string, pull: UnderWay): void {
    this.#forget(image, pull);
    pull.abandon.abort();
  }

  #forget(image: string, pull: UnderWay): void {
    if (this.#underWay.get(image) === pull) this.#underWay.delete(image);
  }
}

function tooLarge(image: string, limitBytes: number): GridError {
  const sentence = `The image ${image} has more bytes than the limit of ${limitBytes}; its pull was broken off.`;
  return new GridError('image-unavailable', sentence);
}
