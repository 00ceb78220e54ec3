/* The part of a code object that tells lines, which Python gives no name for: its first line and its line table. */

#include <Python.h>

/* The line table goes by another name before 3.10. */
#if PY_VERSION_HEX < 0x030A0000
#define LINE_TABLE co_lnotab
#else
#define LINE_TABLE co_linetable
#endif

/* Whether the interpreter keeps something of its own that was computed from the line table, as it does while it traces. */
static int is_cached(PyCodeObject *code)
{
#if PY_VERSION_HEX >= 0x030C0000
    return code->_co_monitoring != NULL;
#elif PY_VERSION_HEX >= 0x030B0000
    return code->_co_linearray != NULL;
#else
    (void)code;
    return 0;
#endif
}

/* Tells whether the two code objects can exchange their lines: the same instructions, and nothing computed from either. */
int mpr_lines_can_be_exchanged(PyObject *a, PyObject *b)
{
    return PyCode_Check(a) && PyCode_Check(b) && !is_cached((PyCodeObject *)a) && !is_cached((PyCodeObject *)b);
}

/* Exchanges the lines of two code objects that can. References are exchanged with them, so no count changes. */
void mpr_exchange_lines(PyObject *a, PyObject *b)
{
    PyCodeObject *first = (PyCodeObject *)a, *second = (PyCodeObject *)b;
    int line = first->co_firstlineno;
    PyObject *table = first->LINE_TABLE;
    first->co_firstlineno = second->co_firstlineno;
    first->LINE_TABLE = second->LINE_TABLE;
    second->co_firstlineno = line;
    second->LINE_TABLE = table;
}
