/** Readers of watches, for tests on virtual time. */
import type { Watch, WatchedKey, WatchRequest, WatchStep } from '../../../src/node/service/watch.ts'
import type { Id, VirtualCluster } from '../virtual-cluster.ts'

export async function openWatch(
  cluster: VirtualCluster,
  id: Id,
  bucket: string,
  from: WatchRequest['from'],
): Promise<Watch> {
  const watch = await cluster.ask(id, (service) => service.watch({ bucket, prefix: '', from }))
  if (typeof watch === 'string') throw new Error(watch)
  return watch
}

/** A position at the ends of all logs, so that the owners record the bucket from now on. */
export async function positionNow(cluster: VirtualCluster, id: Id, bucket: string) {
  const watch = await openWatch(cluster, id, bucket, 'now')
  const { position } = watch
  await cluster.ask(id, (): Promise<string> => {
    watch.close()
    return Promise.resolve('closed')
  })
  if (position === 'everything') throw new Error('no position')
  return position
}

/** Takes every step as it comes. */
export class WatchReader {
  readonly steps: WatchStep[] = []

  constructor(cluster: VirtualCluster, id: Id, watch: Watch) {
    const take = (): void => {
      cluster.node(id).call(
        () => watch.next(),
        (end) => {
          if (end.type !== 'answered') return
          this.steps.push(end.answer)
          if (end.answer.type !== 'end') take()
        },
      )
    }
    take()
  }

  get keys(): WatchedKey[] {
    return this.steps.flatMap((step) => (step.type === 'changes' ? step.keys : []))
  }

  /** Whether the key was told last with that number of values. */
  hasTold(key: string, siblings: number): boolean {
    return this.keys.findLast((one) => one.key === key)?.siblings === siblings
  }

  get types(): Set<WatchStep['type']> {
    return new Set(this.steps.map(({ type }) => type))
  }
}
