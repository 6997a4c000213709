/** Waits for a condition. @throws Error naming what never came true */
export async function until(isSo: () => boolean | undefined, what: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (isSo() !== true) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
