/** Chooses the load generator of a workload: one for HTTP requests, and client libraries for other protocols. */
import type { LoadResult, Workload } from '../systems/system.ts'
import { loadWithAutocannon } from './autocannon-load.ts'
import { loadWithClient } from './client-load.ts'
import type { Load } from './load.ts'
import { hasWrk, loadWithWrk } from './wrk.ts'

export interface LoadGenerator {
  /** The program that sends HTTP requests. */
  readonly program: 'wrk' | 'autocannon'
  run(workload: Workload, load: Load): Promise<LoadResult>
}

/** `directory` is for the files of the generator. */
export async function findLoadGenerator(directory: string): Promise<LoadGenerator> {
  const program = (await hasWrk()) ? 'wrk' : 'autocannon'
  return {
    program,
    run: (workload, load) => {
      if (workload.via !== 'http') return loadWithClient(workload, load)
      return program === 'wrk'
        ? loadWithWrk(workload, load, directory)
        : loadWithAutocannon(workload, load)
    },
  }
}
