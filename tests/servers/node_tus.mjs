// The tus project's own server with its file store: node node_tus.mjs MODULES FOLDER PORT
import { createRequire } from 'node:module'
const [modules, directory, port] = process.argv.slice(2)
const require = createRequire(modules + '/')
const { Server } = require('@tus/server')
const { FileStore } = require('@tus/file-store')
new Server({ path: '/files', datastore: new FileStore({ directory }) })
  .listen({ host: '127.0.0.1', port: Number(port) })
