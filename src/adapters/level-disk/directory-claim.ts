/**
 * Keeps a second process away from a directory, even if somebody deletes or replaces LevelDB's LOCK file. The claim is
 * an abstract socket of the kernel, named after the inode of the directory. Nobody can remove it, and it ends with its
 * process. Only Linux has such sockets; other systems rely on the LOCK file alone.
 */
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:net'

export interface DirectoryClaim {
  release(): Promise<void>
}

/** Rejects with a message for a person if another process has the directory. */
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
