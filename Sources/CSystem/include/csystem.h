// The parts of Linux' headers that Swift cannot import: unions, function-like macros, variadic functions.
#ifndef CSYSTEM_H
#define CSYSTEM_H
#endif
