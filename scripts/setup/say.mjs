/** A reason to stop that is the user's to act on: its message is the one sentence they see. */
export class SetupError extends Error {}

/** Says in one line what was done. Steps that had nothing to do stay silent. */
export function say(line) {
  console.log(line);
}
