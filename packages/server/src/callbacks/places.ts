/**
 * Who may be called right now: so many receivers at once, of one host only a few, so that one that does not answer
 * keeps nobody else waiting. A host that was slow or failed the last time has a single place until it does better.
 */

const AT_ONCE = 32;
const AT_ONCE_OF_HOST = 4;

export interface Places {
  /** How many more calls may begin. */
  left(): number;
  /** How many more calls of this host may begin. */
  free(host: string): number;
  enter(host: string): void;
  /** @param isTroubled the call was slow or failed */
  leave(host: string, isTroubled: boolean): void;
}

export function openPlaces(): Places {
  const underWay = new Map<string, number>();
  const troubled = new Set<string>();
  let all = 0;

  const left = () => AT_ONCE - all;

  return {
    left,
    free(host) {
      const most = troubled.has(host) ? 1 : AT_ONCE_OF_HOST;
      return Math.max(0, Math.min(left(), most - (underWay.get(host) ?? 0)));
    },
    enter(host) {
      all += 1;
      underWay.set(host, (underWay.get(host) ?? 0) + 1);
    },
    leave(host, isTroubled) {
      all -= 1;
      const others = (underWay.get(host) ?? 1) - 1;
      if (others === 0) underWay.delete(host);
      else underWay.set(host, others);
      if (isTroubled) troubled.add(host);
      else troubled.delete(host);
    },
  };
}
