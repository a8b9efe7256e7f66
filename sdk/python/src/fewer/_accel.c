/* Optional accelerator: the hot path of _core.py in C, with the same ContextVar, caches and counters.
 *
 * It also keeps the OTel thread context (OTEP 4947): the thread-local pointer otel_thread_ctx_v1 names the record that
 * the calling thread works for. That copy is right for synchronous workers; tasks and greenlets are followed by the
 * ContextVar alone. Whatever is not common (new labels, measured requests, forked children) is left to _core.py.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <structmember.h>

/* Exported under this very name: readers look it up in the dynamic symbol table. */
__attribute__((visibility("default"))) __thread const void *otel_thread_ctx_v1;

typedef struct {
    PyObject_HEAD
    PyObject *record;
    long countdown;
} Route;

typedef struct {
    PyObject_HEAD
    PyObject *endpoint;
    PyObject *token;
    PyObject *route;
    PyObject *reading;
    PyObject *owner_token;
    PyObject *record;
    long status;
    int nested;
} Request;

/* What install() was given; all borrowed from _core.py, which lives as long as the process. */
static struct {
    PyObject *variable, *routes, *slots, *transitions, *module;
    uint64_t *words;
    Py_ssize_t word_count;
    uint64_t magic;
    int owners_exist;
    Py_buffer buffer;
} sdk;

static PyObject *name_begin_measured, *name_end_measured, *name_learn_route, *name_count, *name_count_error,
    *name_fault, *name_python_flag;

static void follow(PyObject *record) {
    otel_thread_ctx_v1 = record != NULL && PyBytes_CheckExact(record) ? PyBytes_AS_STRING(record) : NULL;
}

/* Swallows an ordinary error and counts it; 0 when the host may go on, -1 for KeyboardInterrupt and its like. */
static int forgive(void) {
    if (!PyErr_Occurred()) return 0;
    if (!PyErr_ExceptionMatches(PyExc_Exception)) return -1;
    PyErr_Clear();
    PyObject *done = sdk.module ? PyObject_CallMethodObjArgs(sdk.module, name_fault, NULL) : NULL;
    if (done == NULL) PyErr_Clear();
    Py_XDECREF(done);
    return 0;
}

static int call(PyObject *owner, PyObject *name, PyObject *a, PyObject *b, PyObject *c, PyObject *d) {
    PyObject *result = PyObject_CallMethodObjArgs(owner, name, a, b, c, d, NULL);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* The record of the caller's context: 1 and a new reference, 0 if there is none, -1 on error. */
static int current(PyObject **record) {
    *record = NULL;
    if (PyContextVar_Get(sdk.variable, NULL, record) < 0) return -1;
    return *record != NULL;
}

static int enter(Request *self) {
    PyObject *previous, *found = PyDict_GetItemWithError(sdk.routes, self->endpoint);
    if (found != NULL) {
        Py_INCREF(found);
    } else {
        if (PyErr_Occurred()) return -1;
        found = PyObject_CallMethodObjArgs(sdk.module, name_learn_route, self->endpoint, NULL);
        if (found == NULL) return -1;
    }
    Py_XSETREF(self->route, found);
    Route *route = (Route *)found;
    int nested = current(&previous);
    if (nested < 0) return -1;
    self->nested = nested;
    Py_XDECREF(previous);
    Py_XSETREF(self->token, PyContextVar_Set(sdk.variable, route->record));
    if (self->token == NULL) return -1;
    follow(route->record);
    Py_CLEAR(self->reading);
    if (--route->countdown <= 0 || nested) return call((PyObject *)self, name_begin_measured, found, NULL, NULL, NULL);
    return 0;
}

static PyObject *request_enter(Request *self, PyObject *unused) {
    if (enter(self) < 0 && forgive() < 0) return NULL;
    Py_INCREF(self);
    return (PyObject *)self;
}

/* Counts in a slot that exists; 1 if it did, 0 if _core.py has to, -1 on error. */
static int count_known(Request *self, PyObject *record, PyObject *kind) {
    if (sdk.words[0] != sdk.magic) return 0;
    PyObject *slot = PyDict_GetItemWithError(sdk.slots, record);
    if (slot == NULL) return PyErr_Occurred() ? -1 : 0;
    Py_ssize_t word = PyLong_AsSsize_t(slot);
    if (word < 0 || word + 1 >= sdk.word_count) return PyErr_Occurred() ? -1 : 0;
    sdk.words[word + 1] += 1;
    if (kind == Py_None && self->status < 400) return 1;
    PyObject *status = PyLong_FromLong(self->status);
    if (status == NULL) return -1;
    int done = call(sdk.module, name_count_error, slot, kind, status, NULL);
    Py_DECREF(status);
    return done < 0 ? -1 : 1;
}

static int count(Request *self, PyObject *kind) {
    PyObject *record;
    if (self->reading != NULL && self->reading != Py_None)
        return call((PyObject *)self, name_end_measured, kind, NULL, NULL, NULL);
    int found = current(&record);
    if (found < 0) return -1;
    if (found == 0) {
        PyErr_SetNone(PyExc_LookupError);
        return -1;
    }
    int done = count_known(self, record, kind);
    if (done == 0) {
        PyObject *status = PyLong_FromLong(self->status);
        done = status == NULL ? -1 : call(sdk.module, name_count, record, Py_None, kind, status);
        Py_XDECREF(status);
    }
    Py_DECREF(record);
    return done < 0 ? -1 : 0;
}

/* Ends what a token began; the thread follows what is current then. */
static int restore(PyObject *token) {
    PyObject *record;
    if (PyContextVar_Reset(sdk.variable, token) < 0 || current(&record) < 0) return -1;
    follow(record);
    Py_XDECREF(record);
    return 0;
}

/* Nothing was current before a request that is not nested, so nothing has to be looked up behind it. */
static int leave(Request *self) {
    if (self->nested) return restore(self->token);
    follow(NULL);
    return PyContextVar_Reset(sdk.variable, self->token);
}

static PyObject *request_exit(Request *self, PyObject *const *args, Py_ssize_t nargs) {
    if (count(self, nargs > 0 ? args[0] : Py_None) < 0 && forgive() < 0) return NULL;
    if (self->token == NULL) PyErr_SetString(PyExc_ValueError, "not entered");
    if ((self->token == NULL || leave(self) < 0) && forgive() < 0) return NULL;
    Py_RETURN_NONE;
}

static int request_init(Request *self, PyObject *args, PyObject *keywords) {
    static char *names[] = {"endpoint", NULL};
    PyObject *endpoint;
    if (keywords == NULL && PyTuple_GET_SIZE(args) == 1) {
        endpoint = PyTuple_GET_ITEM(args, 0);
    } else if (!PyArg_ParseTupleAndKeywords(args, keywords, "O:request", names, &endpoint)) {
        return -1;
    }
    Py_INCREF(endpoint);
    Py_XSETREF(self->endpoint, endpoint);
    self->status = 0;
    return 0;
}

#if PY_VERSION_HEX >= 0x03090000
/* request("GET /feed"): what type's own call does, without packing the argument into a tuple. */
static PyObject *request_vectorcall(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *names) {
    PyTypeObject *request = (PyTypeObject *)type;
    if (names == NULL && PyVectorcall_NARGS(nargsf) == 1) {
        Request *self = (Request *)request->tp_alloc(request, 0);
        if (self == NULL) return NULL;
        Py_INCREF(args[0]);
        self->endpoint = args[0];
        return (PyObject *)self;
    }
    PyObject *positional = PyTuple_New(PyVectorcall_NARGS(nargsf)), *keywords = names ? PyDict_New() : NULL;
    PyObject *result = NULL;
    int failed = positional == NULL || (names != NULL && keywords == NULL);
    for (Py_ssize_t i = 0; !failed && i < PyTuple_GET_SIZE(positional); i++) {
        Py_INCREF(args[i]);
        PyTuple_SET_ITEM(positional, i, args[i]);
    }
    for (Py_ssize_t i = 0; !failed && names && i < PyTuple_GET_SIZE(names); i++)
        failed = PyDict_SetItem(keywords, PyTuple_GET_ITEM(names, i), args[PyTuple_GET_SIZE(positional) + i]) < 0;
    if (!failed) result = PyType_Type.tp_call(type, positional, keywords);
    Py_XDECREF(positional);
    Py_XDECREF(keywords);
    return result;
}
#endif

static void request_dealloc(Request *self) {
    Py_XDECREF(self->endpoint);
    Py_XDECREF(self->token);
    Py_XDECREF(self->route);
    Py_XDECREF(self->reading);
    Py_XDECREF(self->owner_token);
    Py_XDECREF(self->record);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef request_members[] = {
    {"_endpoint", T_OBJECT, offsetof(Request, endpoint), 0, NULL},
    {"_token", T_OBJECT, offsetof(Request, token), 0, NULL},
    {"_route", T_OBJECT, offsetof(Request, route), 0, NULL},
    {"_reading", T_OBJECT, offsetof(Request, reading), 0, NULL},
    {"_owner_token", T_OBJECT, offsetof(Request, owner_token), 0, NULL},
    {"_record", T_OBJECT, offsetof(Request, record), 0, NULL},
    {"status", T_LONG, offsetof(Request, status), 0, "HTTP status, if known"},
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef request_methods[] = {
    {"__enter__", (PyCFunction)request_enter, METH_NOARGS, "Begins the request."},
    {"__exit__", (PyCFunction)(void (*)(void))request_exit, METH_FASTCALL, "Counts the request."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject request_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "fewer._accel.Request",
    .tp_basicsize = sizeof(Request),
    .tp_dealloc = (destructor)request_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "The state and the hot path of a request.",
    .tp_methods = request_methods,
    .tp_members = request_members,
    .tp_init = (initproc)request_init,
    .tp_new = PyType_GenericNew,
};

static void route_dealloc(Route *self) {
    Py_XDECREF(self->record);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef route_members[] = {
    {"record", T_OBJECT, offsetof(Route, record), 0, NULL},
    {"countdown", T_LONG, offsetof(Route, countdown), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject route_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "fewer._accel.Route",
    .tp_basicsize = sizeof(Route),
    .tp_dealloc = (destructor)route_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "The part of a route that the hot path reads.",
    .tp_members = route_members,
    .tp_new = PyType_GenericNew,
};

/* 1 when the evaluation was a known transition, 0 if _core.py has to learn it, -1 on error. */
static int flag_known(PyObject *const *args, Py_ssize_t nargs) {
    PyObject *record;
    if (sdk.owners_exist || nargs < 2 || nargs > 3 || !PyUnicode_CheckExact(args[1])) return 0;
    if (current(&record) < 0) return -1;
    PyObject *key = PyTuple_Pack(4, record ? record : Py_None, args[0], args[1], nargs == 3 ? args[2] : Py_None);
    PyObject *known = key ? PyDict_GetItemWithError(sdk.transitions, key) : NULL;
    int done = PyErr_Occurred() ? -1 : 0;
    if (known != NULL) {
        PyObject *following = PyTuple_GET_ITEM(known, 0);
        Py_ssize_t word = PyLong_AsSsize_t(PyTuple_GET_ITEM(known, 1));
        if (word >= 0 && word < sdk.word_count) sdk.words[word] += 1;
        done = 1;
        if (record != NULL && following != record) {
            PyObject *token = PyContextVar_Set(sdk.variable, following);
            if (token == NULL) done = -1;
            Py_XDECREF(token);
            follow(following);
        }
    }
    Py_XDECREF(key);
    Py_XDECREF(record);
    return done;
}

static PyObject *flag(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names) {
    int done = names == NULL ? flag_known(args, nargs) : 0;
    if (done < 0 && forgive() < 0) return NULL;
    if (done != 0) Py_RETURN_NONE;
    PyObject *python = PyObject_GetAttr(sdk.module, name_python_flag);
    if (python == NULL) return NULL;
    PyObject *keywords = names ? PyDict_New() : NULL, *positional = PyTuple_New(nargs), *result = NULL;
    if (positional != NULL && (names == NULL || keywords != NULL)) {
        for (Py_ssize_t i = 0; i < nargs; i++) {
            Py_INCREF(args[i]);
            PyTuple_SET_ITEM(positional, i, args[i]);
        }
        int failed = 0;
        for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); i++)
            failed |= PyDict_SetItem(keywords, PyTuple_GET_ITEM(names, i), args[nargs + i]);
        if (!failed) result = PyObject_Call(python, positional, keywords);
    }
    Py_XDECREF(positional);
    Py_XDECREF(keywords);
    Py_DECREF(python);
    return result;
}

static PyObject *add(PyObject *module, PyObject *const *args, Py_ssize_t nargs) {
    Py_ssize_t word = nargs > 0 ? PyLong_AsSsize_t(args[0]) : -1;
    uint64_t amount = nargs > 1 ? PyLong_AsUnsignedLongLong(args[1]) : 1;
    if (PyErr_Occurred()) return NULL;
    if (word < 0 || word >= sdk.word_count) {
        PyErr_SetString(PyExc_IndexError, "no such word");
        return NULL;
    }
    sdk.words[word] += amount;
    Py_RETURN_NONE;
}

static PyObject *set_current(PyObject *module, PyObject *record) {
    PyObject *token = PyContextVar_Set(sdk.variable, record);
    if (token != NULL) follow(record);
    return token;
}

static PyObject *reset_current(PyObject *module, PyObject *token) {
    if (restore(token) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *owners_exist(PyObject *module, PyObject *unused) {
    sdk.owners_exist = 1;
    Py_RETURN_NONE;
}

static PyObject *thread_context(PyObject *module, PyObject *unused) {
    return PyLong_FromVoidPtr((void *)otel_thread_ctx_v1);
}

static PyObject *install(PyObject *module, PyObject *args) {
    PyObject *owner, *variable, *words, *slots, *routes, *transitions;
    unsigned long long magic;
    if (!PyArg_ParseTuple(args, "OOOO!O!O!K", &owner, &variable, &words, &PyDict_Type, &slots, &PyDict_Type, &routes,
                          &PyDict_Type, &transitions, &magic))
        return NULL;
    if (PyObject_GetBuffer(words, &sdk.buffer, PyBUF_WRITABLE) < 0) return NULL;
    sdk.words = sdk.buffer.buf;
    sdk.word_count = sdk.buffer.len / 8;
    sdk.magic = magic;
    Py_INCREF(variable);
    Py_INCREF(slots);
    Py_INCREF(routes);
    Py_INCREF(transitions);
    Py_INCREF(owner);
    sdk.variable = variable;
    sdk.slots = slots;
    sdk.routes = routes;
    sdk.transitions = transitions;
    sdk.module = owner;
    Py_RETURN_NONE;
}

static PyObject *call_quickly(PyObject *module, PyObject *type) {
    if (!PyType_Check(type) || !PyType_IsSubtype((PyTypeObject *)type, &request_type)) {
        PyErr_SetString(PyExc_TypeError, "not a class of requests");
        return NULL;
    }
#if PY_VERSION_HEX >= 0x03090000
    ((PyTypeObject *)type)->tp_vectorcall = request_vectorcall;
#endif
    Py_RETURN_NONE;
}

static PyObject *claim(PyObject *module, PyObject *unused) {
    static int claimed;
    return PyBool_FromLong(!claimed++);
}

static PyMethodDef functions[] = {
    {"claim", claim, METH_NOARGS, "True for the first SDK of the process, the only one that is accelerated."},
    {"install", install, METH_VARARGS, "Takes over the state of the SDK that claimed this module."},
    {"call_quickly", call_quickly, METH_O, "Makes objects of exactly this class without packing the argument."},
    {"flag", (PyCFunction)(void (*)(void))flag, METH_FASTCALL | METH_KEYWORDS, "See fewer.flag."},
    {"add", (PyCFunction)(void (*)(void))add, METH_FASTCALL, "Adds to a word of the counters page."},
    {"set_current", set_current, METH_O, "Sets the record of the context and of the thread."},
    {"reset_current", reset_current, METH_O, "Undoes set_current."},
    {"owners_exist", owners_exist, METH_NOARGS, "From now on flags are told to asynchronous requests too."},
    {"thread_context", thread_context, METH_NOARGS, "Address in otel_thread_ctx_v1 of this thread."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "fewer._accel", .m_doc = "The hot path in C.", .m_size = -1, .m_methods = functions,
};

PyMODINIT_FUNC PyInit__accel(void) {
    struct { PyObject **name; const char *text; } names[] = {
        {&name_begin_measured, "_begin_measured"}, {&name_end_measured, "_end_measured"},
        {&name_learn_route, "_learn_route"}, {&name_count, "_count"}, {&name_count_error, "_count_error"},
        {&name_fault, "_fault"}, {&name_python_flag, "_python_flag"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((*names[i].name = PyUnicode_InternFromString(names[i].text)) == NULL) return NULL;
    if (PyType_Ready(&request_type) < 0 || PyType_Ready(&route_type) < 0) return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL) return NULL;
    Py_INCREF(&request_type);
    Py_INCREF(&route_type);
    if (PyModule_AddObject(module, "Request", (PyObject *)&request_type) < 0 ||
        PyModule_AddObject(module, "Route", (PyObject *)&route_type) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
