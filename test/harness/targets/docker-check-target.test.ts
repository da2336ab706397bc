import { expect, test } from 'vitest'
import { endpointsOf } from '../../../src/harness/targets/docker-check-target.ts'

test('containers are listed by their nodes, with the port they publish for clients', () => {
  const listing = [
    'n2\t\t0.0.0.0:8002->8080/tcp, :::8002->8080/tcp',
    'n1\thttps\t7080/tcp, 127.0.0.1:9001->8080/tcp',
    'n3\t\t7080/tcp',
    '',
  ].join('\n')
  expect(endpointsOf(listing)).toEqual([
    { node: 'n1', url: 'https://127.0.0.1:9001' },
    { node: 'n2', url: 'http://127.0.0.1:8002' },
  ])
})
