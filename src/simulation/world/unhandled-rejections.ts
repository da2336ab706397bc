/** Reports promises whose rejection nobody handles, in Node.js and in browsers. */

/** Returns a function that ends the reports. */
export function watchRejections(report: (error: unknown) => void): () => void {
  if (typeof process !== 'undefined') {
    process.on('unhandledRejection', report)
    return () => process.off('unhandledRejection', report)
  }
  const page = globalThis as unknown as EventTarget
  const listen = (event: Event): void => report((event as RejectionEvent).reason)
  page.addEventListener('unhandledrejection', listen)
  return () => page.removeEventListener('unhandledrejection', listen)
}

interface RejectionEvent extends Event {
  readonly reason: unknown
}
