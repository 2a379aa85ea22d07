/** Reads the metrics of one brick process from its socket, limited in time and size. */
import { get, type IncomingMessage } from 'node:http';

/** Prometheus waits ten seconds for all of it. */
const ANSWER_MS = 5000;
/** Of one process: 250 bricks with clients come to 8 MiB. */
const LONGEST_TEXT = 128 << 20;

export class AnswerError extends Error {
  /** Nobody listens: the process has ended. */
  readonly gone: boolean;

  constructor(message: string, gone: boolean) {
    super(message);
    this.gone = gone;
  }
}

/** GET at a unix socket. Rejects with an AnswerError. */
export function askProcess(socketPath: string, path: string, answerMs = ANSWER_MS): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (message: string, gone = false): void => {
      clearTimeout(timer);
      reject(new AnswerError(message, gone));
      request.destroy();
    };
    const take = (response: IncomingMessage): void => {
      const pieces: Buffer[] = [];
      let bytes = 0;
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > LONGEST_TEXT) fail(`tells more than ${LONGEST_TEXT >> 20} MiB`);
        else pieces.push(piece);
      });
      response.on('error', (error) => fail(error.message));
      response.on('end', () => {
        clearTimeout(timer);
        if (!response.complete) fail('its answer is cut short');
        else if (response.statusCode !== 200) fail(`answers ${response.statusCode}`);
        else resolve(Buffer.concat(pieces).toString('utf8'));
      });
    };
    const request = get({ socketPath, path, headers: { host: 'brickd' }, agent: false }, take);
    request.on('error', (error: NodeJS.ErrnoException) => {
      fail(error.message, error.code === 'ECONNREFUSED' || error.code === 'ENOENT');
    });
    const timer = setTimeout(() => fail(`no answer within ${answerMs / 1000} s`), answerMs);
  });
}
