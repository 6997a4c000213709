import { setFlagsFromString } from 'node:v8';

/**
 * For a program that runs for long and waits for most of that: V8 spends memory less freely, as it does for what runs in
 * the background. Left to itself it makes room for new objects as a program loads and works, and does not give it back
 * while the program waits: 20 MB of a foreman that has run a few tasks. To be called before much is loaded; see
 * docs/decisions/0019 for what it costs.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--optimize-for-size');
}
