/** Lists of CPUs as the kernel writes them: `0-3,7`. */

/** Numbers of the CPUs, in the order of the list. @param text as the kernel wrote it */
export function parseCpuList(text: string): number[] {
  if (text.trim() === '') return [];
  return text
    .trim()
    .split(',')
    .flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}

/** A list that the kernel takes. */
export function printCpuList(cpus: readonly number[]): string {
  return cpus.join(',');
}
