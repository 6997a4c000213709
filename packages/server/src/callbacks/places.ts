/**
 * Who may be called right now: so many receivers at once, and of one host only a few.
 *
 * A host has a single place until a call of it has gone well, and again after one was slow or failed. All such hosts
 * together have half of the places: however many there are that do not answer, those that do are called.
 */

const AT_ONCE = 32;
const AT_ONCE_OF_HOST = 4;
const AT_ONCE_UNPROVEN = 16;
/** Users name the hosts: without a bound there could be as many as there are ports and names. */
const MOST_REMEMBERED = 1000;

/** Gives the place back. Says how the call went, if anything was heard of that. */
export type Leave = (went?: 'well' | 'ill') => void;

export interface Places {
  /** How many more calls may begin. */
  left(): number;
  /** How many more calls of this host may begin. */
  free(host: string): number;
  enter(host: string): Leave;
}

export function openPlaces(): Places {
  const underWay = new Map<string, number>();
  const well = new Set<string>();
  let [all, unproven] = [0, 0];

  const left = () => AT_ONCE - all;

  function judge(host: string, went: 'well' | 'ill'): void {
    well.delete(host);
    if (went === 'ill') return;
    well.add(host);
    const [oldest] = well;
    if (well.size > MOST_REMEMBERED && oldest !== undefined) well.delete(oldest);
  }

  return {
    left,
    free(host) {
      const here = underWay.get(host) ?? 0;
      if (well.has(host)) return Math.max(0, Math.min(left(), AT_ONCE_OF_HOST - here));
      return Math.max(0, Math.min(left(), AT_ONCE_UNPROVEN - unproven, 1 - here));
    },
    enter(host) {
      const share = well.has(host) ? 0 : 1;
      all += 1;
      unproven += share;
      underWay.set(host, (underWay.get(host) ?? 0) + 1);
      return (went) => {
        all -= 1;
        unproven -= share;
        const others = (underWay.get(host) ?? 1) - 1;
        if (others === 0) underWay.delete(host);
        else underWay.set(host, others);
        if (went !== undefined) judge(host, went);
      };
    },
  };
}
