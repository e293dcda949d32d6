// Where does the parsing toolkit come from? The only file that imports Chevrotain: a module imported from a URL gets no
// import map, so the specifier is written in full, once.
export {
  createToken,
  CstParser,
  EOF,
  generateCstDts,
  Lexer,
  MismatchedTokenException,
  NoViableAltException,
  tokenMatcher,
} from "npm:chevrotain@13.2.0";
export type {
  CstElement,
  CstNode,
  ILexingError,
  IParserErrorMessageProvider,
  IRecognitionException,
  IToken,
  ParserMethod,
  TokenType,
} from "npm:chevrotain@13.2.0";
