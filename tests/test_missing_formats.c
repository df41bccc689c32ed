/* A library that was built without jansson, HDF5 and libzip says what each file needs. */
#include "cornet.h"
#include "file_of_bytes.h"

TestSuite(missing_formats, .fini = remove_file);

static void expect_needed(bool failed, const char *package)
{
    cr_expect(failed);
    cr_expect_eq(cn_error_code(), CN_UNSUPPORTED, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), package), "'%s' does not name %s", cn_error_message(), package);
    cn_error_clear();
}

Test(missing_formats, saving_names_the_package)
{
    cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(2));
    expect_needed(!cn_save(model, "model.keras"), "libhdf5-dev");
    expect_needed(!cn_save(model, "model.h5"), "libhdf5-dev");
    expect_needed(!cn_save_weights(model, "model.weights.h5"), "libhdf5-dev");
    expect_needed(!cn_save_weights(model, "model.npz"), "libzip-dev");
    expect_needed(!cn_save_weights(model, "model.safetensors"), "libjansson-dev");
    expect_needed(!cn_save_checkpoint(model, "model.safetensors", NULL, 0, NULL), "libjansson-dev");
    cn_model_free(model);
}

Test(missing_formats, loading_names_the_package)
{
    cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(2));
    expect_needed(!cn_load(file_of("PK\3\4", 4)), "libhdf5-dev");
    expect_needed(!cn_load_weights(model, file_path), "libzip-dev");
    expect_needed(!cn_load(file_of("\211HDF\r\n\032\n", 8)), "libhdf5-dev");
    expect_needed(!cn_load_weights(model, file_path), "libhdf5-dev");
    expect_needed(!cn_load_weights(model, file_of("\2\0\0\0\0\0\0\0{}", 10)), "libjansson-dev");
    cn_model_free(model);
}
