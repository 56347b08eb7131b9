/** The one place that names the version of LogTape, which writes the lines of the log. Owns no behaviour. */
export {
  configureSync,
  getAnsiColorFormatter,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
  isLogLevel,
  type LogRecord,
  type TextFormatter,
} from "npm:@logtape/logtape@2.4.2";
