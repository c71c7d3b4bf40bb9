export { videoCallPage } from './video-call-page.js'
