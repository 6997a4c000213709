/** Chance that can be had again: the same seed makes the same choices. */
import { createCipheriv, hash } from 'node:crypto';

export interface Random {
  /** From 0 up to, not including, 1. */
  next(): number;
  /** A whole number from 0 up to, not including, `below`. */
  whole(below: number): number;
  /** True in so many of 1 cases. */
  chance(share: number): boolean;
  pick<Item>(items: readonly Item[]): Item | undefined;
  bytes(count: number): Buffer;
  /** 32 hexadecimal digits. */
  name(): string;
  /** Another sequence, which does not depend on how much was drawn from this one. */
  fork(name: string): Random;
}

/** The generator is mulberry32: 32 bits of state, good enough to choose by. */
export function openRandom(seed: string): Random {
  let state = Number.parseInt(hash('sha256', seed).slice(0, 8), 16);
  const random: Random = {
    next() {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
    whole: (below) => Math.floor(random.next() * below),
    chance: (share) => random.next() < share,
    pick: (items) => items[random.whole(items.length)],
    bytes: (count) =>
      createCipheriv('aes-128-ctr', random.name().slice(0, 16), Buffer.alloc(16)).update(Buffer.alloc(count)),
    name: () => hash('sha256', `${seed} ${random.next()} ${random.next()}`).slice(0, 32),
    fork: (name) => openRandom(`${seed} ${name}`),
  };
  return random;
}
