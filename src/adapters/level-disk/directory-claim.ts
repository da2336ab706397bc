/**
 * Keeps a second process away from a directory, even where LevelDB's LOCK file has been deleted or replaced. The claim
 * is a socket in the kernel's own namespace, named after the inode of the directory: nobody can remove it, and it ends
 * with its process. Only Linux has such sockets; elsewhere the LOCK file has to do.
 */
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:net'

export interface DirectoryClaim {
  release(): Promise<void>
}

/** Rejects with a sentence for a person where another process has the directory. */
export async function claimDirectory(directory: string): Promise<DirectoryClaim> {
  if (process.platform !== 'linux') return { release: async () => undefined }
  const { dev, ino } = await stat(directory, { bigint: true })
  const server = createServer((socket) => socket.destroy())
  server.listen(`\0quorate-${dev}-${ino}`)
  try {
    await once(server, 'listening')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    throw new Error(`another process has the data directory ${directory}`, { cause })
  }
  server.unref()
  return {
    release: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}
