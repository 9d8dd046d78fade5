// Compares Redocly's dereferenced bundle of the document's files with its dereferenced copy of our bundle:
// node bundle.mjs SOURCES BUNDLE
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'

const [sources, bundle] = process.argv.slice(2).map((path) => JSON.parse(readFileSync(path, 'utf8')))

// The only extension that changes the meaning: responses that every operation may return. Redocly does not resolve references inside
// an extension, so only the descriptions of these are compared.
const common = sources['x-common-responses']
delete sources['x-common-responses']
for (const [document, path, method] of operations(sources, bundle)) {
  const { responses } = document.paths[path][method]
  for (const [status, { description }] of Object.entries(common)) {
    if (document === bundle) responses[status] = { description: responses[status]?.description }
    else responses[status] = { description: responses[status]?.description ?? description }
  }
}
// And a page without an example has one in the bundle.
for (const [document, path, method] of operations(sources)) {
  for (const [status, { content }] of Object.entries(document.paths[path][method].responses)) {
    const json = content?.['application/json']
    if (json && !json.example && !json.examples) delete bundle.paths[path][method].responses[status].content['application/json'].example
  }
}
// References are resolved, so components need no comparison of their own.
delete sources.components
delete bundle.components

function operations(...documents) {
  return documents.flatMap((document) =>
    Object.entries(document.paths).flatMap(([path, item]) => Object.keys(item).map((method) => [document, path, method])),
  )
}

function differences(one, other, pointer = '') {
  if (isDeepStrictEqual(one, other)) return []
  const objects = [one, other].every((value) => value !== null && typeof value === 'object' && !Array.isArray(value))
  if (!objects) return [`${pointer}: ${JSON.stringify(one)} in the files, ${JSON.stringify(other)} in the bundle`]
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  return [...names].flatMap((name) => differences(one[name], other[name], `${pointer}/${name}`))
}

const found = differences(sources, bundle)
if (found.length) {
  console.error(found.slice(0, 20).join('\n'))
  process.exit(1)
}
console.log(`equal: ${Object.keys(bundle.paths).length} paths`)
