/* The built-in metrics by Keras' names. */
#include "losses/accuracy.h"
#include "losses/auc.h"
#include "losses/confusion.h"
#include "losses/fscore.h"
#include "losses/iou.h"
#include "losses/loss_metrics.h"
#include "losses/metric_arguments.h"
#include "losses/regression_metrics.h"
#include <string.h>
#include <strings.h>

static const cn_metric usual = {CN_METRIC_DEFAULTS}, of_binary_iou = {CN_BINARY_IOU_DEFAULTS},
                       of_one_hot_iou = {CN_ONE_HOT_IOU_DEFAULTS}, of_fscore = {CN_FSCORE_DEFAULTS};

#define CLASS(class_name, function_name, function, defaults)         \
    {                                                                \
        class_name, function_name, cn_##function##_with, &(defaults) \
    }

/* A function's name is that in logs; by Keras "accuracy" alone is another metric than Accuracy. */
static const cn_metric_class classes[] = {
    CLASS("AUC", "auc", auc, usual),
    CLASS("Accuracy", NULL, metric_accuracy, usual),
    CLASS("BinaryAccuracy", "binary_accuracy", binary_accuracy, usual),
    CLASS("BinaryIoU", "binary_io_u", binary_iou, of_binary_iou),
    CLASS("CategoricalAccuracy", "categorical_accuracy", categorical_accuracy, usual),
    CLASS("ConcordanceCorrelation", "concordance_correlation", concordance_correlation, usual),
    CLASS("CosineSimilarity", "cosine_similarity", metric_cosine_similarity, usual),
    CLASS("F1Score", "f1_score", f1_score, of_fscore),
    CLASS("FBetaScore", "fbeta_score", fbeta_score, of_fscore),
    CLASS("FalseNegatives", "false_negatives", false_negatives, usual),
    CLASS("FalsePositives", "false_positives", false_positives, usual),
    CLASS("IoU", "io_u", iou, usual),
    CLASS("Mean", "mean", metric_mean, usual),
    CLASS("MeanIoU", "mean_io_u", mean_iou, usual),
    CLASS("OneHotIoU", "one_hot_io_u", one_hot_iou, of_one_hot_iou),
    CLASS("OneHotMeanIoU", "one_hot_mean_io_u", one_hot_mean_iou, of_one_hot_iou),
    CLASS("PearsonCorrelation", "pearson_correlation", pearson_correlation, usual),
    CLASS("Precision", "precision", precision, usual),
    CLASS("PrecisionAtRecall", "precision_at_recall", precision_at_recall, usual),
    CLASS("R2Score", "r2_score", r2_score, usual),
    CLASS("Recall", "recall", recall, usual),
    CLASS("RecallAtPrecision", "recall_at_precision", recall_at_precision, usual),
    CLASS("RootMeanSquaredError", "root_mean_squared_error", root_mean_squared_error, usual),
    CLASS("SensitivityAtSpecificity", "sensitivity_at_specificity", sensitivity_at_specificity, usual),
    CLASS("SparseCategoricalAccuracy", "sparse_categorical_accuracy", sparse_categorical_accuracy, usual),
    CLASS("SparseTopKCategoricalAccuracy", "sparse_top_k_categorical_accuracy", sparse_top_k_categorical_accuracy,
          usual),
    CLASS("SpecificityAtSensitivity", "specificity_at_sensitivity", specificity_at_sensitivity, usual),
    CLASS("Sum", "sum", metric_sum, usual),
    CLASS("TopKCategoricalAccuracy", "top_k_categorical_accuracy", top_k_categorical_accuracy, usual),
    CLASS("TrueNegatives", "true_negatives", true_negatives, usual),
    CLASS("TruePositives", "true_positives", true_positives, usual),
};

const cn_metric_class *cn_metric_class_named(const char *name)
{
    for (size_t i = 0; name && i < sizeof classes / sizeof *classes; i++)
        if (!strcmp(name, classes[i].class_name) ||
            (classes[i].function_name && !strcmp(name, classes[i].function_name)))
            return &classes[i];
    return NULL;
}

cn_metric cn_log_cosh_error_of(cn_loss log_cosh)
{
    cn_metric metric = cn_metric_of(log_cosh);
    metric.name = "logcosh";
    return metric;
}

cn_metric cn_metric_named(const char *name)
{
    if (name && (!strcmp(name, "accuracy") || !strcmp(name, "acc"))) {
        cn_metric metric = cn_accuracy();
        metric.name = strcmp(name, "acc") ? "accuracy" : "acc";
        return metric;
    }
    const cn_metric_class *of_name = cn_metric_class_named(name);
    if (of_name)
        return of_name->with(*of_name->defaults);
    if (name && (!strcmp(name, "LogCoshError") || !strcmp(name, "logcosh")))
        return cn_log_cosh_error();
    cn_loss loss = cn_loss_named(name);
    if (!loss.name)
        return (cn_metric){.name = NULL};
    cn_metric metric = cn_metric_of(loss);
    static const char *const short_names[] = {"mse", "mae", "bce", "mape", "msle", "kld", NULL};
    for (const char *const *known = short_names; *known; known++)
        if (!strcasecmp(name, *known))
            metric.name = *known;
    return metric;
}
