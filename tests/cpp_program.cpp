// A C++17 program uses the library as a C program does.
#include <cornet/cornet.h>
#include <cstdio>
#include <string>

int main()
{
    const std::int64_t dims[] = {0, 2, 3};
    const cn_shape shape = cn_shape_of_dims(dims, 2);
    char text[CN_SHAPE_TEXT];
    const bool right = cn_shape_size(shape) == 6 && std::string(cn_shape_text(shape, text, sizeof text)) == "(2, 3)" &&
                       !cn_failed() && !cn_fail(CN_VALUE, "sum: %d", 6) && cn_failed() &&
                       std::string(cn_error_message()) == "sum: 6";
    if (!right)
        std::fprintf(stderr, "%s\n", cn_error_message());
    return right ? 0 : 1;
}
