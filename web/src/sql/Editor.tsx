import { autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { sql } from '@codemirror/lang-sql';
import { bracketMatching, indentOnInput, indentUnit } from '@codemirror/language';
import { lintKeymap, setDiagnostics } from '@codemirror/lint';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, Prec } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  placeholder as placeholderText,
} from '@codemirror/view';
import { type Ref, useEffect, useImperativeHandle, useLayoutEffect, useRef } from 'react';

import type { Catalog } from '@/api/types';

import { catalogSource, dialect, namespaceOf } from './completion';
import { editorTheme } from './editorTheme';

export type EditorFault = { line: number; column: number; message: string };
export type EditorHandle = {
  /** The selection, or everything; `from` is where it begins. */
  runnable: () => { sql: string; from: number };
  insert: (text: string) => void;
  focus: () => void;
};
type Props = {
  id: string;
  value: string;
  catalog: Catalog | undefined;
  fault: (EditorFault & { from: number }) | null;
  label: string;
  placeholder: string;
  onChange: (value: string) => void;
  onRun: () => void;
  onCancel: () => void;
  ref: Ref<EditorHandle>;
};

function language(catalog: Catalog | undefined) {
  if (!catalog) return sql({ dialect, upperCaseKeywords: true });
  return [
    sql({ dialect, upperCaseKeywords: true, schema: namespaceOf(catalog), defaultSchema: 'lake' }),
    dialect.language.data.of({ autocomplete: catalogSource(catalog) }),
  ];
}

/** Where the fault stands in the document, as far as the server could tell. */
function faultRange(state: EditorState, fault: EditorFault & { from: number }) {
  const start = state.doc.lineAt(Math.min(fault.from, state.doc.length));
  const number = Math.min(state.doc.lines, start.number + Math.max(1, fault.line) - 1);
  const line = state.doc.line(number);
  const shift = fault.line <= 1 ? fault.from - start.from : 0;
  const from = Math.min(line.to, line.from + shift + Math.max(0, fault.column - 1));
  const word = /^[\w."]+/.exec(state.sliceDoc(from, line.to))?.[0].length ?? 1;
  return { from, to: Math.min(line.to, from + word) };
}

/** The SQL editor. It owns its text; `id` says when another draft is to be shown. */
export function Editor(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const calls = useRef(props);
  const catalogPart = useRef(new Compartment());
  const { id, catalog, fault, ref } = props;

  useLayoutEffect(() => {
    calls.current = props;
  });

  useEffect(() => {
    if (!host.current) return;
    const part = catalogPart.current;
    const editor = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: calls.current.value,
        extensions: [
          Prec.highest(
            keymap.of([
              { key: 'Mod-Enter', run: (target) => (closeCompletion(target), calls.current.onRun(), true) },
              { key: 'Shift-Enter', run: (target) => (closeCompletion(target), calls.current.onRun(), true) },
            ]),
          ),
          lineNumbers(),
          highlightSpecialChars(),
          history(),
          drawSelection(),
          indentOnInput(),
          indentUnit.of('  '),
          bracketMatching(),
          closeBrackets(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          autocompletion({ icons: false, maxRenderedOptions: 60 }),
          part.of(language(calls.current.catalog)),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': calls.current.label, spellcheck: 'false' }),
          placeholderText(calls.current.placeholder),
          editorTheme,
          keymap.of([
            { key: 'Escape', run: () => (calls.current.onCancel(), false) },
            ...closeBracketsKeymap,
            ...completionKeymap,
            ...searchKeymap,
            ...historyKeymap,
            ...lintKeymap,
            indentWithTab,
            ...defaultKeymap,
          ]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) calls.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => {
      view.current = null;
      editor.destroy();
    };
  }, [id]);

  useEffect(() => {
    view.current?.dispatch({ effects: catalogPart.current.reconfigure(language(catalog)) });
  }, [catalog, id]);

  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const found = fault
      ? [{ ...faultRange(editor.state, fault), severity: 'error' as const, message: fault.message }]
      : [];
    editor.dispatch(setDiagnostics(editor.state, found));
  }, [fault, id]);

  useImperativeHandle(ref, () => ({
    runnable: () => {
      const state = view.current?.state;
      if (!state) return { sql: '', from: 0 };
      const { from, to } = state.selection.main;
      if (state.sliceDoc(from, to).trim() === '') return { sql: state.doc.toString(), from: 0 };
      return { sql: state.sliceDoc(from, to), from };
    },
    insert: (text) => {
      const editor = view.current;
      if (!editor) return;
      editor.dispatch(editor.state.replaceSelection(text));
      editor.focus();
    },
    focus: () => view.current?.focus(),
  }));

  return <div ref={host} style={{ height: '100%', minHeight: 0 }} />;
}
