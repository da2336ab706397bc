/**
 * Repeats a request whose placement changed while it ran. An answer of the old owners may lack writes that the new
 * owners have acknowledged, and a refusal of the old owners says nothing about the new ones. If the bucket of the
 * request was deleted, the repeat says so.
 */
import type { Metrics } from '../../ports/metrics.ts'
import type { PlacedRequest } from './placed-request.ts'
import { orFail, type RequestEnd } from './request-end.ts'
import type { RequestPlacer } from './request-placer.ts'

export interface Repeatable<T> {
  readonly run: (placed: PlacedRequest, end: RequestEnd<T>) => void
  /** Whether an answer of the owners of an earlier placement is dropped. */
  readonly repeatsAnswer: boolean
  /** Whether the request may run again after this error. */
  readonly mayRepeat: (error: unknown) => boolean
}

export function whilePlaced<T>(
  { placer, metrics }: { readonly placer: RequestPlacer; readonly metrics: Metrics },
  placed: PlacedRequest,
  request: Repeatable<T>,
  end: RequestEnd<T>,
): void {
  const isOutdated = (): boolean => placer.isOutdated(placed)
  const runAgain = (): void =>
    orFail(end, () => {
      placer.refuseNonMember()
      metrics.count('placement_changed_total')
      whilePlaced({ placer, metrics }, placer.placeAgain(placed), request, end)
    })
  request.run(placed, {
    answered: (answer) => {
      if (request.repeatsAnswer && isOutdated()) runAgain()
      else end.answered(answer)
    },
    failed: (error) => {
      if (isOutdated() && request.mayRepeat(error)) runAgain()
      else end.failed(error)
    },
  })
}
