export { scenarios, schedule, type Action } from './actions.js'
export { run, type Outcome } from './run.js'
export { shrink } from './shrink.js'
export { walk, type Found } from './walks.js'
