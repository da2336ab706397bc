/** Where the page gets its scenes from: a simulated world in a thread, or the node that serves the page. */
export interface Source<Scene> {
  /** Tells each new scene, until the returned function is called. */
  listen(listener: Listener<Scene>): () => void
}

export interface Listener<Scene> {
  scene(scene: Scene): void
  /** Something was not done. The message is one sentence without a period. */
  refused(message: string): void
}
