// Where do comments go when a program is formatted? They wait in a queue in the order of the text; whoever writes a piece
// of the program first writes the comments that stood before it.
import type { Comment } from "../syntax/ast.ts";
import { type Document, newline, trailing } from "../text/document.ts";

/** The comments not yet written. */
export interface CommentQueue {
  readonly text: string;
  /** Removes and returns the comments that start before an offset. */
  take(before: number): readonly Comment[];
  /** Whether a comment is left that starts before an offset. */
  has(before: number): boolean;
  /** Where the keyword stands that comes before an offset with only comments between: the tree has no place for it. */
  keywordBefore(word: string, offset: number): number;
}

/** All comments of a program, none written. */
export function commentQueue(text: string, comments: readonly Comment[]): CommentQueue {
  let next = 0;
  return {
    text,
    take(before) {
      const start = next;
      while (next < comments.length && comments[next]!.span.start < before) next++;
      return comments.slice(start, next);
    },
    has: (before) => next < comments.length && comments[next]!.span.start < before,
    keywordBefore(word, offset) {
      const inComment = (at: number) => comments.some(({ span }) => span.start <= at && at < span.end);
      let at = text.lastIndexOf(word, offset - word.length);
      while (at > 0 && inComment(at)) at = text.lastIndexOf(word, at - 1);
      return at < 0 ? offset : at;
    },
  };
}

/** Is there no line end between two offsets? */
export function onOneLine(text: string, from: number, to: number): boolean {
  return !/[\r\n]/.test(text.slice(from, to));
}

/** Is there an empty line between two offsets? */
export function hasEmptyLine(text: string, from: number, to: number): boolean {
  return /[\r\n][^\S\r\n]*[\r\n]/.test(text.slice(from, to).replaceAll("\r\n", "\n"));
}

/** The offset at which the line of an offset starts. */
export function lineStart(text: string, offset: number): number {
  let start = offset;
  while (start > 0 && !/[\r\n]/.test(text[start - 1]!)) start--;
  return start;
}

/** Does code stand before the comment on its line? */
export function isTrailing(text: string, comment: Comment): boolean {
  return text.slice(lineStart(text, comment.span.start), comment.span.start).trim() !== "";
}

/** What stands between a piece of code and the next, which starts at `next`: `usual`, or the comments there, each with its
 *  line. */
export function gap(queue: CommentQueue, next: number, usual: Document): Document {
  const comments = queue.take(next);
  if (comments.length === 0) return usual;
  const lines = comments.map((comment, i): Document =>
    i === 0 && isTrailing(queue.text, comment) ? trailing(comment.text) : [newline, comment.text]
  );
  return [lines, newline];
}
