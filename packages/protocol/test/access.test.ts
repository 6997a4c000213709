import { GROUPS, PERMISSIONS, type Permission, permissionsOf } from '@kolejka/protocol';
import test from 'ava';

test('a superuser may do everything, nobody else does', (t) => {
  t.deepEqual([...permissionsOf(['superuser'])].toSorted(), Object.keys(PERMISSIONS).toSorted());
  const others = permissionsOf(['clients', 'processors', 'inspectors', 'managers']);
  t.deepEqual(
    (Object.keys(PERMISSIONS) as Permission[]).filter((name) => !others.has(name)),
    ['task.add_result'],
  );
});

test('groups add up, and no group is nothing', (t) => {
  t.is(permissionsOf([]).size, 0);
  const both = permissionsOf(['clients', 'processors']);
  for (const name of [...GROUPS.clients, ...GROUPS.processors]) t.true(both.has(name), name);
});

test('managers see and remove what inspectors see', (t) => {
  const managers = permissionsOf(['managers']);
  for (const name of GROUPS.inspectors) t.true(managers.has(name), name);
  t.false(permissionsOf(['inspectors']).has('task.delete_task'));
});
