import test from 'ava';
import { openPlaces } from '../../src/callbacks/places.ts';

test('four of one host and 32 of all are called at once', (t) => {
  const places = openPlaces();
  for (let host = 0; host < 7; host += 1) {
    t.is(places.free(`host${host}`), 4);
    for (let call = 0; call < 4; call += 1) places.enter(`host${host}`);
    t.is(places.free(`host${host}`), 0);
  }
  t.is(places.left(), 4);
  places.enter('other');
  t.is(places.free('another'), 3);
  places.leave('host0', false);
  t.deepEqual([places.free('host0'), places.free('another')], [1, 4]);
});

test('a host in trouble has one place until a call of it goes well', (t) => {
  const places = openPlaces();
  for (let call = 0; call < 3; call += 1) places.enter('ill');
  places.leave('ill', true);
  t.is(places.free('ill'), 0);
  places.leave('ill', true);
  places.leave('ill', true);
  t.is(places.free('ill'), 1);
  places.enter('ill');
  t.deepEqual([places.free('ill'), places.free('well')], [0, 4]);
  places.leave('ill', false);
  t.is(places.free('ill'), 4);
});
