// The other half of the histories.
import { testHistories } from './simulation/share.ts';

testHistories(1, 2);
