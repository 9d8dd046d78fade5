// Compares what Redocly makes of the document's files with what it makes of our bundle, both without references:
// node bundle.mjs SOURCES BUNDLE
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'

const [sources, bundle] = process.argv.slice(2).map((path) => JSON.parse(readFileSync(path, 'utf8')))

// The one thing that other tools do not know: responses that every operation may give. Redocly does not go through what is
// in an extension, so of those only the words are compared.
const common = sources['x-common-responses']
delete sources['x-common-responses']
for (const [document, path, method] of operations(sources, bundle)) {
  const { responses } = document.paths[path][method]
  for (const [status, { description }] of Object.entries(common)) {
    if (document === bundle) responses[status] = { description: responses[status]?.description }
    else responses[status] = { description: responses[status]?.description ?? description }
  }
}
// What is used stands where it is used.
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
console.log(`the same: ${Object.keys(bundle.paths).length} paths`)
